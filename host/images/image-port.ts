import { ImageProblem, type ImagePort } from '../pods/ports'
import { asImageError } from './image-error'
import type { ImageStore } from './image-store'

/** The store as pods see it: every failure is an {@link ImageProblem} with cause and next action; an abort is an abort. */
export function imagePort(store: ImageStore): ImagePort {
  return {
    async ensure(reference, { policy, signal, onProgress }) {
      try {
        const image = await store.ensure(reference, {
          pullPolicy: policy,
          signal,
          onProgress: ({ phase, bytesDone, bytesTotal }) => {
            if (phase === 'pulling' && bytesDone !== undefined && bytesTotal !== undefined) onProgress({ bytesDone, bytesTotal })
          },
        })
        const { entrypoint, cmd, env, workingDir, user, stopSignal } = image.config
        const config = { entrypoint, command: cmd, environment: env, workingDir, user, stopSignal: stopSignal ?? '' }
        return { reference: image.reference, digest: image.digest, sizeBytes: image.sizeBytes, file: image.squashfs, config }
      } catch (error) {
        signal.throwIfAborted()
        const { code, message, action } = asImageError(error)
        throw new ImageProblem(code, reference, `${message} ${action}`)
      }
    },
  }
}
