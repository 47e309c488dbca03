-- When a host itself had last been told, and had taken, that all that it answers for on the outside ends by itself once it does not hear of the server; null: something of it may not.
ALTER TABLE "Host" ADD COLUMN "leaseToldAt" TIMESTAMPTZ(3);

-- A host that goes, or a tenant, must not free addresses that are answered for still: whoever removes one first has them let go.
ALTER TABLE "FloatingAddress" DROP CONSTRAINT "FloatingAddress_hostId_fkey", ADD CONSTRAINT "FloatingAddress_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "FloatingAddress" DROP CONSTRAINT "FloatingAddress_tenantId_fkey", ADD CONSTRAINT "FloatingAddress_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "LoadBalancer" DROP CONSTRAINT "LoadBalancer_hostId_fkey", ADD CONSTRAINT "LoadBalancer_hostId_fkey" FOREIGN KEY ("hostId") REFERENCES "Host"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "LoadBalancer" DROP CONSTRAINT "LoadBalancer_tenantId_fkey", ADD CONSTRAINT "LoadBalancer_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
