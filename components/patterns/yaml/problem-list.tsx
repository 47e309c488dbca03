import { CircleAlert } from 'lucide-react'
import type { LineProblem } from './yaml-editor'

/** Every problem of a text, each with its line and path. */
export function ProblemList({ problems }: { problems: readonly LineProblem[] }) {
  return (
    <ul className="flex flex-col gap-1">
      {problems.map((problem, i) => (
        <li key={i} className="grid grid-cols-[16px_56px_minmax(0,1fr)] items-start gap-1.5 text-xs">
          <CircleAlert className="mt-px size-3.5 text-error" aria-hidden />
          <span className="text-faint">{problem.line === null ? '' : `Line ${problem.line}`}</span>
          <span className="break-words text-soft">{problem.path && <code className="mr-1 font-mono text-content">{problem.path}</code>}{problem.message}</span>
        </li>
      ))}
    </ul>
  )
}
