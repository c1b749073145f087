"""What a batch is: Arrow schemas with the meaning and unit of each column."""
