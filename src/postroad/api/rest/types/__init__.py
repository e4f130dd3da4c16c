"""What the REST API takes and shows, as structs: the OpenAPI document and the client's types come from them."""
