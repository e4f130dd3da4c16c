"""The REST API at ``/api/v1``: everything an operator does, as resources. docs/how-to/rest.md shows it.

routes.py       a resource declares its operations: method, path, who may, what goes in and out
server.py       a request from socket to answer: who asks, how often, how large
exchange.py     what happens in a thread: preconditions, replay, the operation, its answer
call.py         what an operation is given
resources/      the operations themselves; types/: what they take and show
openapi.py      the document, from the declarations
"""
