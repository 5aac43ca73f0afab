"""Published systems made again, with the numbers that show it."""
