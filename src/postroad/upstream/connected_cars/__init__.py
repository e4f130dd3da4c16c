"""Our side of Connected Cars' control plane, as their customer.

config            what an operator declares
service_account   signs in: a signed assertion for a short token
graphql           one question and its answer; what went wrong is a value
client            the operations on vehicle data streams
plan, sync        which streams there are to be, and making it so
keeper            when that is done
admin             what their admin events mean here
"""
