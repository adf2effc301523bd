using Unity.MLAgents;
using Unity.MLAgents.Actuators;
using Unity.MLAgents.Policies;
using Unity.MLAgents.Sensors;
using UnityEngine;

namespace Beltline.Runtime
{
    /// <summary>An agent whose only purpose is that an exchange takes place: without one ML-Agents does not talk.</summary>
    public sealed class TickAgent : Agent
    {
        const string Behavior = "Tick";

        int exchanges;

        /// <summary>Makes the one agent. The first to be made waits for the worker's reset.</summary>
        public static TickAgent Make(Transform parent)
        {
            var holder = new GameObject(Behavior);
            // Its behaviour must be known before it wakes up.
            holder.SetActive(false);
            holder.transform.SetParent(parent, false);
            TickAgent agent = holder.AddComponent<TickAgent>();
            BehaviorParameters behavior = holder.GetComponent<BehaviorParameters>();
            behavior.BehaviorName = Behavior;
            behavior.BrainParameters.VectorObservationSize = 1;
            behavior.BrainParameters.ActionSpec = ActionSpec.MakeContinuous(1);
            holder.SetActive(true);
            return agent;
        }

        public override void CollectObservations(VectorSensor sensor) => sensor.AddObservation((float)exchanges++);
    }
}
