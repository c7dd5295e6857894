"""The stores in PostgreSQL: queue, money and reports of any number of machines. Nothing here is imported unless QUEUE_URL asks."""
