"""What has to be there before somebody needs it: fetched ahead, kept fresh by one task.

May import: nothing of ours. Any room but the PURE ones may import it.
"""
