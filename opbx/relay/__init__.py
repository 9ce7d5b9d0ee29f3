"""The flask-sock process: WebSocket connections and the Pusher HTTP API. Never touches the database."""
