"""Private servers for `aktif up` and the tests: RabbitMQ, PostgreSQL and a mail catcher, all on 127.0.0.1."""
