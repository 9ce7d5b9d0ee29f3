"""A simulated telephony sender: whole calls as real, signed webhooks over HTTP."""
