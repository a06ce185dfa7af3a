"""An engine of the package: the local one, which also says how many columns it was given."""

from raymill.engines.local import LocalRunner
from raymill.engines.run import Job, Report


class CarefulRunner(LocalRunner):
    """Runs a job in this process, and warns that it did."""

    name = "careful"

    def run(self, job: Job) -> Report:
        report = super().run(job)
        report.warnings.append(f"read {len(job.plan.wanted)} columns with care")
        return report
