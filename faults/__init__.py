"""The fault bench: the product under load, one fault after the other, and a checker that knows what is promised."""
