import type { ContainerSpec } from '@/domain/pod/spec'
import type { LastWords } from '../container-record'
import type { GuestExit } from '../ports'
import { storableText } from '../storable-text'

const shownLines = 20
const lineLength = 1024
/** FallbackToLogsOnError takes so much of the log. Source: kubernetes pkg/kubelet/container, MaxContainerTerminationMessageLogLength and ...LogLines. */
const fallback = { lines: 80, characters: 2048 }
const messageLength = 4096

/** How many lines of the log an end needs. */
export const tailLines = fallback.lines

/** What an instance leaves: its last lines, and its termination message by the container's policy. */
export function lastWords({ terminationMessagePolicy }: ContainerSpec, exit: GuestExit, lines: readonly string[]): LastWords {
  const told = storableText(exit.terminationMessage ?? '', messageLength)
  const fromLog = told === '' && terminationMessagePolicy === 'FallbackToLogsOnError' && exit.exitCode !== 0
  const tail = lines.slice(-fallback.lines).join('\n')
  return { lastLines: lines.slice(-shownLines).map((line) => storableText(line, lineLength)), terminationMessage: fromLog ? storableText(tail.slice(-fallback.characters), fallback.characters) : told }
}
