import { expect, test } from 'vitest'
import { versionedMachine } from './qemu'

test('the machine type is the versioned one behind the alias', () => {
  const help = 'Supported machines are:\nmicrovm              microvm (i386)\npc                   Standard PC (i440FX + PIIX, 1996) (alias of pc-i440fx-7.2)\npc-i440fx-7.2        Standard PC (i440FX + PIIX, 1996) (default)\nq35                  Standard PC (Q35 + ICH9, 2009) (alias of pc-q35-7.2)\n'
  expect(versionedMachine(help)).toBe('pc-i440fx-7.2')
  expect(versionedMachine('none                 empty machine\n')).toBeUndefined()
})
