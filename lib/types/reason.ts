/** What the system's codes for failures of files mean, to somebody who does not know them. */
const meanings: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'this is a folder, not a file',
  ENOTDIR: 'a part of this path is a file, not a folder',
  EEXIST: 'there is something of this name already',
  EACCES: 'there is no permission to do this',
  EPERM: 'there is no permission to do this',
  EROFS: 'this can only be read, not written',
  ENOSPC: 'the disk is full',
  EDQUOT: 'no more of the disk may be used',
  EMFILE: 'too many files are open',
}

/**
 * Why something failed, as the end of a sentence: in words where it is the system that said no.
 *
 * @param cause what was thrown
 * @example
 * const text = reasonOf(Object.assign(new Error('ENOSPC: …'), { code: 'ENOSPC' })) // 'the disk is full (ENOSPC)'
 */
export const reasonOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  const code = 'code' in cause ? String(cause.code) : ''
  if (Object.hasOwn(meanings, code)) return `${meanings[code]} (${code})`
  // Libraries leave room for details that they then do not give.
  return cause.message.trim().replace(/:$/, '')
}
