/**
 * Sticky directories that everybody may write to, such as /tmp.
 */

const stickyAndWritable = 0o1002

interface Known {
  readonly permissions?: number | undefined
  readonly uid?: number | undefined
}

/**
 * Whether another user may have made the entry for this one to use: in a sticky directory that everybody may write to, by
 * anybody but the directory's owner. The kernel has the same rule (`fs.protected_regular` and `fs.protected_symlinks`,
 * proc_sys_fs(5)). This is also true of this user's own entry: the caller has to compare the owners.
 *
 * @internal
 */
export const isSuspect = (directory: Known | undefined, entry: Pick<Known, "uid"> | undefined): boolean =>
  ((directory?.permissions ?? 0) & stickyAndWritable) === stickyAndWritable &&
  entry?.uid !== undefined && entry.uid !== directory?.uid
