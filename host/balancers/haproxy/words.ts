import { rowsOf } from './runtime'

const most = 600
/** Of what HAProxy says, so many lines are looked at, and so many characters of each: what it says may have been made by whoever broke into it. */
const [mostLines, longestLine] = [50, 1_000]

/** HAProxy does not take what it shall do: `message` has its words. What ran before runs on. */
export class HaproxyRefused extends Error {}

/** What HAProxy says is wrong, without its paths, pids and lines: for people who know of none of them. */
export function wordsOf(output: string): string {
  const all = rowsOf(output)
  const alerts = all.filter((line) => line.includes('[ALERT]'))
  // What stops before HAProxy itself speaks otherwise.
  const said = alerts.length > 0 ? alerts : all.filter((line) => !/^\[\w+\]/.test(line)).slice(-1)
  const clean = said.slice(0, mostLines).map((line) => line.slice(0, longestLine)
    .replace(/^\[ALERT\]\s*\(\d+\)\s*:\s*/, '')
    .replace(/^config\s*:\s*/, '')
    .replaceAll(/parsing \[[^\]]*\]\s*:\s*/g, '')
    .replaceAll(/'bind ([^']*)' in section '[^']*'\s*:\s*/g, 'bind $1: ')
    .replaceAll(/\/balancer\/(?:run\/)?/g, '')
    .trim()).filter((line) => !/^(Error\(s\) found|Fatal errors found|parsing|Proxy .* stopped|Current worker|exit-on-failure)/i.test(line))
  return [...new Set(clean)].slice(0, 3).join('; ').slice(0, most) || 'it ended without a word'
}

/** What HAProxy answered to a command that it did not carry out. */
export const plainWords = (answer: string): string => wordsOf(rowsOf(answer).slice(0, mostLines).map((line) => `[ALERT] ${line}`).join('\n'))
