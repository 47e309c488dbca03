import { toFailure } from './errors'

/** The server may write its own word of an object again and again while it comes up; a person's form does not wait for longer than so many. */
const mostTries = 5

/** What of an object people write, in a form that JSON keeps, and which version of it that is. */
export type Written = { resourceVersion: string }
type Write<T, R> = {
  /** The object as it is now. */
  read: () => Promise<T>
  /** Changes the object of this version and no other. */
  write: (resourceVersion: string) => Promise<R>
}
/** Of an object of the API. */
export const writtenOf = <S>({ metadata: { labels, annotations, resourceVersion }, spec }: { metadata: { labels: Readonly<Record<string, string>>; annotations: Readonly<Record<string, string>>; resourceVersion: string }; spec: S }) => ({ labels, annotations, spec, resourceVersion })

/**
 * Changes an object as it was read `before`. A change by somebody else meanwhile is refused by its resourceVersion. What the server itself tells of the object
 * (status, conditions) gives it another one, too, and is no such change: where all that people write is as it was read, the change is made to what is there now.
 */
export async function writeToUnchanged<T extends Written, R>(before: T, { read, write }: Write<T, R>): Promise<R> {
  const was = textOf(before)
  let { resourceVersion } = before
  for (let tries = 1; ; tries++) {
    try {
      return await write(resourceVersion)
    } catch (error) {
      if (toFailure(error).code !== 'conflict' || tries === mostTries) throw error
      const now = await read()
      if (textOf(now) !== was) throw error
      resourceVersion = now.resourceVersion
    }
  }
}

const textOf = <T extends Written>(object: T): string => JSON.stringify({ ...object, resourceVersion: '' })
