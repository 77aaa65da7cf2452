"""What tests need to hold a conversation: a client, peers to talk to, the relay under test.

The peers are faked here; the relay never is.
"""
