import type { ContainerSpec } from '@/domain/pod/spec'
import type { LastWords } from '../container-record'
import type { GuestExit } from '../ports'

const shownLines = 20
const lineLength = 1024
/** FallbackToLogsOnError takes so much of the log. Source: kubernetes pkg/kubelet/container, MaxContainerTerminationMessageLogLength and ...LogLines. */
const fallback = { lines: 80, characters: 2048 }
const messageLength = 4096

/** How many lines of the log an end needs. */
export const tailLines = fallback.lines

/** What an instance leaves: its last lines, and its termination message by the container's policy. */
export function lastWords({ terminationMessagePolicy }: ContainerSpec, exit: GuestExit, lines: readonly string[]): LastWords {
  const told = storable(exit.terminationMessage ?? '', messageLength)
  const fromLog = told === '' && terminationMessagePolicy === 'FallbackToLogsOnError' && exit.exitCode !== 0
  const tail = lines.slice(-fallback.lines).join('\n')
  return { lastLines: lines.slice(-shownLines).map((line) => storable(line, lineLength)), terminationMessage: fromLog ? storable(tail.slice(-fallback.characters), fallback.characters) : told }
}

/** Text that databases take: without zero characters and halves of pairs, at most so long. */
function storable(text: string, length: number): string {
  return text.slice(0, length).replace(/[\0\p{Cs}]/gu, '\ufffd')
}
