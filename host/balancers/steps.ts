/** What is made of a balancer, in order; the first that fails is told. */
type Step = 'its network namespace' | 'its packet filter' | 'its link into the tenant\'s network' | 'its HAProxy' | 'its floating addresses'

export class StepFailed extends Error {
  constructor(readonly step: Step, readonly cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause))
  }
}

/** Throws {@link StepFailed} where the step does. */
export async function step<T>(name: Step, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw new StepFailed(name, error)
  }
}
