"""Azure's messaging services, by Microsoft's own SDKs: Service Bus, Event Hubs and Event Grid.

What an operator writes (``namespace``, ``service_bus``, ``event_hubs``, ``event_grid``) is free of the SDKs, so that a
hub without the extra ``azure`` knows the configs and says in one line what it lacks. Modules that need an SDK are
imported as a destination is opened.
"""
