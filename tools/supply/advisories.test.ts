import { describe, expect, it } from 'vitest'
import { root } from '@/tools/setup/paths.mjs'
import { advisoryNotes, advisoryProblems, advisoryListSchema, ageInDays, matches, readAdvisories, readExceptions, type Advisory, type AdvisoryException } from './advisories'
import { packagesOf, readLockfile } from './lockfile'
import { advisoriesOf, merged } from './refresh'

const today = '2026-11-25'
const advisory: Advisory = { id: 'GHSA-p6gq-j5cr-w38f', package: 'planted', severity: 'high', title: 'reads any file', vulnerable: '<=9.0.0', fixed: '9.0.1', sources: ['https://github.com/advisories/GHSA-p6gq-j5cr-w38f'] }
const list = (...advisories: Advisory[]) => ({ source: 'test', date: today, advisories })
const locked = (version: string, name = 'planted') => packagesOf({ lockfileVersion: 3, packages: { [`node_modules/${name}`]: { version } } })
const exception: AdvisoryException = { id: advisory.id, package: 'planted', until: '2026-12-31', reason: 'What it names is never reached from here.' }
const problems = (version: string, advisories = list(advisory), exceptions: AdvisoryException[] = [], day = today) => advisoryProblems(matches(locked(version), advisories, exceptions, day), exceptions, day)

it('no locked version of this checkout has a grave advisory that nobody bears', () => {
  const exceptions = readExceptions(root)
  expect(advisoryProblems(matches(packagesOf(readLockfile(root)), readAdvisories(root), exceptions, today), exceptions, today)).toEqual([])
})

describe('a planted vulnerable version', () => {
  it('is found with its advisory and what to do', () => {
    expect(problems('7.0.13')).toEqual([expect.stringMatching(/node_modules\/planted \(planted 7\.0\.13\): GHSA-p6gq-j5cr-w38f, high, reads any file\. Take 9\.0\.1 or newer/)])
    expect(problems('9.0.0')).toHaveLength(1)
    expect(problems('9.0.1')).toEqual([])
    expect(problems('7.0.13', list({ ...advisory, fixed: null }))).toEqual([expect.stringContaining('No version mends it')])
    expect(problems('8.0.0-beta.1')).toHaveLength(1)
    expect(problems('7.0.13', list({ ...advisory, package: 'planted-too' }))).toEqual([])
  })

  it('is noted and fails nothing where it is of moderate severity', () => {
    const found = matches(locked('7.0.13'), list({ ...advisory, severity: 'moderate' }), [], today)
    expect(advisoryProblems(found, [], today)).toEqual([])
    expect(advisoryNotes(found)).toEqual([expect.stringContaining('moderate, reads any file')])
  })

  it('is borne until a day, for a reason, and not a day longer', () => {
    expect(problems('7.0.13', list(advisory), [exception])).toEqual([])
    expect(problems('7.0.13', list(advisory), [exception], '2027-01-01')).toEqual([expect.stringContaining('GHSA-p6gq-j5cr-w38f, high'), expect.stringMatching(/exception for GHSA-p6gq-j5cr-w38f \(planted\) ended on 2026-12-31/)])
    expect(problems('9.0.1', list(advisory), [exception])).toEqual([expect.stringContaining('fits no locked version')])
    expect(problems('7.0.13', list(advisory), [{ ...exception, package: 'another' }])).toHaveLength(2)
  })
})

it('refuses a list with a range, an id, a day or a source that cannot be', () => {
  for (const wrong of [{ vulnerable: 'all of them' }, { id: 'GHSA-1' }, { severity: 'grave' }, { fixed: 'soon' }, { sources: [] }, { sources: ['from memory'] }]) expect(advisoryListSchema.safeParse(list({ ...advisory, ...wrong } as Advisory)).success, JSON.stringify(wrong)).toBe(false)
  expect(ageInDays({ ...list(), date: '2026-11-01' }, today)).toBe(24)
})

describe('a renewal', () => {
  // As npm 11 prints it, shortened.
  const audit = {
    auditReportVersion: 2,
    vulnerabilities: {
      planted: { name: 'planted', severity: 'high', via: [{ source: 1, name: 'planted', dependency: 'planted', title: 'reads any file', url: 'https://github.com/advisories/GHSA-p6gq-j5cr-w38f', severity: 'high', cwe: ['CWE-73'], range: '<=9.0.0' }, { source: 2, name: 'planted', dependency: 'planted', title: 'hangs', url: 'https://github.com/advisories/GHSA-2x7j-588g-ccc2', severity: 'critical', range: '>=8.0.0 <9.1.0' }], effects: ['above'], range: '<9.1.0', nodes: ['node_modules/planted'] },
      lines: { name: 'lines', severity: 'low', via: ['<1.1.13', '>=2.0.0 <2.0.3'].map((range) => ({ source: 3, name: 'lines', title: 'hangs', url: 'https://github.com/advisories/GHSA-c2qf-rxjj-qqgw', severity: 'info', range })), effects: [], range: '<1.1.13 || >=2.0.0 <2.0.3', nodes: ['node_modules/lines'] },
      above: { name: 'above', severity: 'high', via: ['planted'], effects: [], range: '*', nodes: ['node_modules/above'] },
    },
  }

  it('takes each advisory of what npm audit prints', () => {
    expect(advisoriesOf(audit)).toEqual([{ ...advisory, fixed: null }, { ...advisory, id: 'GHSA-2x7j-588g-ccc2', severity: 'critical', title: 'hangs', vulnerable: '>=8.0.0 <9.1.0', fixed: '9.1.0', sources: ['https://github.com/advisories/GHSA-2x7j-588g-ccc2'] }, { id: 'GHSA-c2qf-rxjj-qqgw', package: 'lines', severity: 'low', title: 'hangs', vulnerable: '<1.1.13 || >=2.0.0 <2.0.3', fixed: '2.0.3', sources: ['https://github.com/advisories/GHSA-c2qf-rxjj-qqgw'] }])
    expect(() => advisoriesOf({ vulnerabilities: { planted: { via: [{}] } } })).toThrow()
  })

  it('keeps what was known and takes newer words for it', () => {
    const known = list(advisory, { ...advisory, id: 'GHSA-mm7p-fcc7-pg87', package: 'older' })
    const renewed = merged(known, [{ ...advisory, severity: 'critical', vulnerable: '<=9.0.0' }], '2026-12-01', 'npm audit')
    expect(renewed).toMatchObject({ date: '2026-12-01', source: 'npm audit' })
    expect(renewed.advisories.map(({ package: name, severity }) => [name, severity])).toEqual([['older', 'high'], ['planted', 'critical']])
  })
})
