"""The embedded upstream: a real WebSocket server that speaks the Realtime protocol, no account.

May import: `protocol.names` only. It carries its own templates, taken from Microsoft's
documentation: if it shared the relay's code, an error there would be invisible on both sides.

It speaks both dialects on one port. The conversation is one; how it is spelled, and what is refused
because the other dialect spells it so, stands side by side in `dialects`.

    server     serve(), run()              conversation   the pure session: frames in, outputs out
    simulator  port, journal, close          state          what it holds
    door       the handshake's verdict       client_*       what each client event does
    connection tasks, pace, expiry           session*, response*, item*   objects and their checks
    outbox     order, back-pressure          performance, performers      one response, step by step
    studio     brain and voice on threads    buffer, listener             audio and turns in it
    control    GET /control/journal          voice, brain, voice_activity what it hears and says
    farewell   accepted to be told why not   idle           nobody speaks after an answer
    dialects   preview and GA: what they say, what they read
"""
