"""RabbitMQ: topology, client, and the one worker loop. The only importer of pika."""
