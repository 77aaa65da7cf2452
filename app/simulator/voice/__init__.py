"""The voice of the embedded upstream: recorded clips, speaking with them, telephone codecs.

May import: the standard library only. The recordings were rendered once by `render_pack`;
whoever runs the simulator needs no synthesiser. NOTICE.md names the voice and its licence.
"""
