"""The realtime relay: a trusted middle tier for the Azure OpenAI Realtime API.

`protocol` = what can be said; `policy` = what may be said; `session` = the pure judge of one
conversation; `wire` = WebSocket bytes; `relay` = moves frames and obeys the judge; `auth` = who;
`upstream` = to whom; `store` = what replicas share; `web` = the door; `telemetry` = what we saw;
`simulator` = the embedded upstream.
"""

__version__ = "0.1.0"
