"""Who may connect: the TLS listener, the decision, the amqtt plugin, the live sessions."""
