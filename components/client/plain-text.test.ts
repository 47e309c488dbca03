import { expect, it } from 'vitest'
import { plainName } from './plain-text'

it('writes out what turns or hides text, and nothing else', () => {
  expect(plainName('invoice\u202egpj.sh')).toBe('invoice<U+202E>gpj.sh')
  expect(plainName('a\nb\u200bc\ufeff\u001b[31m')).toBe('a<U+000A>b<U+200B>c<U+FEFF><U+001B>[31m')
  for (const name of ['größe 🚀.txt', 'שלום.txt', '<img src=x>', 'ملف']) expect(plainName(name)).toBe(name)
})
