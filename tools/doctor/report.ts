import type { Finding } from '@/tools/doctor/finding'

const marks = { ok: '✓', warning: '!', problem: '✗' }

function lines({ subject, state, found, advice }: Finding): string[] {
  const line = `${marks[state]} ${subject.padEnd(26)} ${found}`
  return advice ? [line, `  ${''.padEnd(26)} → ${advice}`] : [line]
}

/** The findings as text, with their numbers at the end, and the exit code: 1 when there is a problem, warnings or not. */
export function report(findings: readonly Finding[]): { text: string; exitCode: 0 | 1 } {
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length
  const numbers = `${count('problem')} problems, ${count('warning')} warnings`
  return { text: [...findings.flatMap(lines), '', numbers].join('\n'), exitCode: count('problem') > 0 ? 1 : 0 }
}
