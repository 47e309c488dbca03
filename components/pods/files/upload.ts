import { paths } from '@/components/client/paths'

export type UploadTarget = { tenant: string; namespace: string; name: string; container: string; folder: string }
/** A file to send; `into` is the folder below the target where it belongs, for a folder that was chosen or dropped. */
export type ChosenFile = { file: File; into: string }

/** Why an upload failed, for the person. */
export class UploadError extends Error {
  override readonly name = 'UploadError'
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** The server's own words, or what the status means. */
export function refusalOf(status: number, text: string): string {
  try {
    const body: unknown = JSON.parse(text)
    const error = isRecord(body) ? body['error'] : undefined
    if (isRecord(error) && typeof error['message'] === 'string') return error['message']
  } catch {
    // Not the server's own answer.
  }
  return `The server refused it with status ${status}. Try again.`
}

/** Sends one file. `onProgress` hears the bytes sent so far. Rejects with an {@link UploadError}, or with an AbortError. */
export function uploadFile({ tenant, namespace, name, container, folder }: UploadTarget, { file, into }: ChosenFile, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // fetch cannot tell how much of a body was sent.
    const request = new XMLHttpRequest()
    const path = into === '' ? folder : `${folder === '/' ? '' : folder}/${into}`
    request.open('PUT', paths.podFilesApi(tenant, namespace, name, { container, path, name: file.name }))
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.upload.onprogress = (event) => onProgress(event.loaded)
    request.onload = () => (request.status === 200 ? resolve() : reject(new UploadError(refusalOf(request.status, request.responseText))))
    request.onerror = () => reject(new UploadError('The connection broke off, or the file cannot be read. Check both and try again.'))
    request.onabort = () => reject(new DOMException('Cancelled', 'AbortError'))
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(file)
  })
}
