"""Coverage-guided fuzzing of what strangers' bytes reach first: `make fuzz`. Seeds are in `corpus`."""
