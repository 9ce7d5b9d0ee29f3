-- KEYS: any of the server whose time is asked for. Answers {seconds, microseconds}.
return redis.call('TIME')
