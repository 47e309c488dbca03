import { describe, expect, it } from 'vitest'
import { readResult } from './stream'

describe('readResult', () => {
  it.each([
    ['{"exitCode":3,"error":null}', 3],
    ['{"exitCode":null,"error":"no such container"}', null],
    ['{"status":"Success"}', 0],
    ['{"status":"Failure","details":{"causes":[{"reason":"ExitCode","message":"127"}]}}', 127],
    ['{"status":"Failure","message":"the pod stopped"}', null],
    ['not JSON', null],
    ['null', null],
  ])('%s gives exit code %s', (text, code) => expect(readResult(text).exitCode).toBe(code))
  it('keeps the message', () => expect(readResult('{"status":"Failure","message":"the pod stopped"}').message).toBe('the pod stopped'))
})
