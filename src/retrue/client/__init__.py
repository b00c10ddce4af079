"""The client: `rt.watch` around a prediction function, `rt.connect` to a server, and the agent beside a service.

`import retrue` loads none of it; httpx and psutil (the extra `retrue[client]`) are imported where they are used.
"""
