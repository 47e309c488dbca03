import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { openCgroups } from '@/host/cgroups/cgroups'
import { noteGroup } from '@/tools/testing/groups'
import { groupsOf, removeGroupsOf } from './control-groups.mjs'

test('the group of a host that was killed goes with its VMs’, and no other does', async ({ skip }) => {
  const name = `hypernetes-test-${randomBytes(4).toString('hex')}`
  for (const each of [name, `${name}x`]) noteGroup(each)
  const { parents } = await openCgroups(name)
  if (parents.length === 0) skip()
  const other = await openCgroups(`${name}x`)
  await Promise.all(parents.map((parent) => mkdir(`${parent}/vm-a`)))
  expect(groupsOf(name).sort()).toEqual([...parents].sort())
  removeGroupsOf(name)
  expect(groupsOf(name)).toEqual([])
  expect(groupsOf(`${name}x`).sort()).toEqual([...other.parents].sort())
})
