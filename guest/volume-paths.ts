import { GuestError } from '@/guest/errors'

/** Parts of the path of a volume's file. Throws InvalidRequest for one that leads out of the volume or into its versions. */
export function filePathParts(path: string): string[] {
  const parts = path.split('/')
  const bad = parts.some((part) => part === '' || part === '.' || part === '..' || part.length > 255 || part.includes('\0')) || parts[0]?.startsWith('..')
  if (bad) throw new GuestError('InvalidRequest', 'a file of a volume must have a relative path without ".", ".." and a first part that begins with ".."', path)
  return parts
}

/** Parts of a subPath: names alone. Throws InvalidRequest for one that is absolute or has `..`. */
export function subPathParts(subPath: string): string[] {
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.')
  if (subPath.startsWith('/') || parts.includes('..') || subPath.includes('\0')) throw new GuestError('InvalidRequest', 'a subPath must be relative and without ".."', subPath)
  return parts
}
