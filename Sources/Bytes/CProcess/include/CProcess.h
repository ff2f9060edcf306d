#ifndef CPROCESS_H
#define CPROCESS_H

// What starting and watching a process takes of glibc that its headers show to GNU's own dialect of C
// alone. Each function returns 0, or the `errno` of what failed.

/// In `sources`: the child keeps this process's descriptor of that number.
#define CPROCESS_INHERITED (-1)
/// In `sources`: `/dev/null`.
#define CPROCESS_NULL (-2)

/// Starts a program as the leader of a group of its own, in which it hears all signals. What this
/// process ignores it ignores too.
///
/// `sources` holds for each descriptor from 0 to `count` − 1 of the child the one of this process that
/// becomes it, which is no lower than `count`; the child has no others. A `path` without a slash is looked
/// up in PATH; one that is relative begins at `folder`, which may be NULL for this process's own.
int CProcess_start(int *id, const char *path, char *const arguments[], char *const environment[],
                   const char *folder, const int *sources, int count);

/// Both ends of a pipe, for reading and for writing, which no child inherits unasked.
int CProcess_pipe(int ends[2]);

/// A descriptor that becomes readable when the process `id` ends; −1 where there is none to be had.
int CProcess_endOf(int id);

/// Both ends of a connected Unix-domain stream socket, which no child inherits unasked.
int CProcess_socketPair(int ends[2]);

/// An empty file in memory that grows and never shrinks, whoever holds it; no child inherits it unasked.
int CProcess_memoryFile(int *file);

#endif
