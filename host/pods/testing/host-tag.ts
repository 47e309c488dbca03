import { randomBytes } from 'node:crypto'
import { noteGroup } from '@/tools/testing/groups'

/** A tag for a host of a test, whose control group is removed with the run. */
export function testHostTag(): string {
  const tag = randomBytes(8).readBigUInt64BE().toString(36).slice(-5)
  noteGroup(`hypernetes-${tag}`)
  return tag
}
