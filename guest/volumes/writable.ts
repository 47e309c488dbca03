import { readText } from '@/guest/files'

/** Whether the host lets a disk (/dev/…) be written. */
export function isWritable(disk: string): boolean {
  return readText(`/sys/block/${disk.slice('/dev/'.length)}/ro`, 8)?.trim() !== '1'
}
