/** A pod that says "true" here has memory of its own also where it starts without volumes, for those that come while it runs (docs/adr/0052). */
export const ownMemoryAnnotation = 'volumes.hypernetes.io/own-memory'

/** Whether it asks for that. It takes no more of its host than any pod is counted for: all of its VM's memory. */
export const asksForOwnMemory = (annotations: Readonly<Record<string, string>>): boolean => annotations[ownMemoryAnnotation] === 'true'
