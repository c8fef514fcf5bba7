"""The cloud's certificate API over the registry, and the lab that wires everything."""
