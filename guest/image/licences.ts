/** Names of Debian's machine-readable copyright files (copyright-format 1.0) that SPDX calls otherwise. */
const spdx: Readonly<Record<string, string>> = {
  Expat: 'MIT',
  MIT: 'MIT',
  ISC: 'ISC',
  FSFULLR: 'FSFULLR',
  'Apache-2.0': 'Apache-2.0',
  'CC0-1.0': 'CC0-1.0',
  'BSD-2-clause': 'BSD-2-Clause',
  'BSD-3-clause': 'BSD-3-Clause',
  'BSD-4-clause': 'BSD-4-Clause',
}

/** The short names of a copyright file, each once; none where it is not machine-readable. */
export function licenceNames(copyright: string): string[] {
  if (!/^Format: .*copyright-format/m.test(copyright)) return []
  const names = [...copyright.matchAll(/^License:[ \t]*(\S.*)$/gm)].map((match) => (match[1] ?? '').trim())
  return [...new Set(names)].sort()
}

function identifier(name: string): string | undefined {
  const [, family, version, later] = /^(A?GPL|LGPL)-(\d(?:\.\d)?)(\+)?$/.exec(name) ?? []
  if (family && version) return `${family}-${version.includes('.') ? version : `${version}.0`}-${later ? 'or-later' : 'only'}`
  return spdx[name]
}

/** One name, or several with "or" and "and" between, as an SPDX expression; undefined where SPDX has no word for it. */
function expression(name: string): string | undefined {
  const alternatives = name.split(/,? or /).map((part) => part.split(/,? and /).map((one) => identifier(one.trim())))
  if (alternatives.flat().includes(undefined)) return undefined
  const joined = alternatives.map((part) => part.join(' AND '))
  return joined.length > 1 ? `(${joined.join(' OR ')})` : joined[0]
}

/** What a package's copyright file says as one SPDX expression; NOASSERTION where SPDX cannot say it. */
export function licenceExpression(names: readonly string[]): string {
  const parts = names.map(expression)
  return parts.length === 0 || parts.includes(undefined) ? 'NOASSERTION' : [...new Set(parts)].join(' AND ')
}
