"""Logs the use of processor, memory, disk and network while a run trains; needs psutil."""

from collections.abc import Callable, Mapping

from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor


class Monitor(SystemMetricsMonitor):
    """MLflow's monitor; its metrics wait in the run's outbox like all others.

    Args:
        put: takes metrics and their step.
    """

    def __init__(self, run_id: str, put: Callable[[Mapping[str, float], int], None]) -> None:
        super().__init__(run_id)
        self.put = put

    def publish_metrics(self, metrics: Mapping[str, float]) -> None:
        """Logs what was measured."""
        self.put(
            {f"{self._metrics_prefix}{name}": value for name, value in metrics.items()}, self._logging_step
        )
        self._logging_step += 1
        for monitor in self.monitors:
            monitor.clear_metrics()
