"""Egress: the one way out of the hub. Every outbound request passes the guard in here.

``guard`` says where we may connect, ``dial`` holds each connection to it, ``tls`` how the other end proves who it is
and ``client_certificate`` how we do,
``client`` sends, ``failures`` names what went wrong, ``tokens`` keeps OAuth 2.0 access tokens.
"""
