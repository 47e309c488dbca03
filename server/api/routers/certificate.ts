import { listCertificatesInput, listCertificatesOutput, listTenantCertificates } from '@/server/services/certificates/list-certificates'
import { router, tenantProcedure } from '../trpc'

/** Certificates are Secrets of type kubernetes.io/tls; here is what is public of them. */
export const certificateRouter = router({
  list: tenantProcedure('secret.read').input(listCertificatesInput).output(listCertificatesOutput).query(({ ctx, input }) => listTenantCertificates(ctx, ctx.scope, input)),
})
