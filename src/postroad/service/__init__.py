"""The hub as a service: one process that takes in, keeps, routes and delivers, put together from the other packages.

``hub`` says in which order it starts and stops; each of its neighbours here puts one part of it together.
"""

from postroad.service.declarable import catalogue
from postroad.service.hub import Hub
from postroad.service.outbound import egress_of
from postroad.service.upstreams import upstream_surroundings

__all__ = ["Hub", "catalogue", "egress_of", "upstream_surroundings"]
