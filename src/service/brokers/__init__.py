"""The two message brokers a service can stand on: embedded in its process, or RabbitMQ beside it."""

from .embedded import EmbeddedBroker
from .rabbitmq import RabbitBroker

__all__ = ["EmbeddedBroker", "RabbitBroker"]
