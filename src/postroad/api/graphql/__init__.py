"""The GraphQL server at ``/graphql``: who receives which vehicles' events, asked and changed by those who receive them.

It is the server's side of what ``postroad.upstream.connected_cars`` is a client of: the operations, arguments, fields,
paging and error rules of the source's "Managing vehicle data streams". ``schema.graphql`` says what can be asked;
``operations`` does it; ``server`` answers by HTTP; ``explorer`` is a page to try it.

Reads are answered from the view of the registry in memory, mutations are transactions of the registry. All of it runs
in threads of its own, so that no request, however dear, holds up an event.
"""
