// Signatures of com.unity.ml-agents 4.0.3 that the player uses.
using System;
using UnityEngine;

namespace Unity.MLAgents
{
    [Page("ml-agents", "Unity.MLAgents.Academy")]
    public class Academy
    {
        [Page("ml-agents", "Unity.MLAgents.Academy")]
        public static Academy Instance => null;

        [Page("ml-agents", "Unity.MLAgents.Academy")]
        public bool IsCommunicatorOn => false;

        [Page("ml-agents", "Unity.MLAgents.Academy")]
        public bool AutomaticSteppingEnabled { set { } }

        [Page("ml-agents", "Unity.MLAgents.Academy")]
        public void EnvironmentStep() { }
    }

    [Page("ml-agents", "Unity.MLAgents.Agent")]
    public class Agent : MonoBehaviour
    {
        [Page("ml-agents", "Unity.MLAgents.Agent")]
        public void RequestDecision() { }

        [Page("ml-agents", "Unity.MLAgents.Agent")]
        public virtual void CollectObservations(Sensors.VectorSensor sensor) { }
    }
}

namespace Unity.MLAgents.Actuators
{
    [Page("ml-agents", "Unity.MLAgents.Actuators.ActionSpec")]
    public struct ActionSpec
    {
        [Page("ml-agents", "Unity.MLAgents.Actuators.ActionSpec")]
        public static ActionSpec MakeContinuous(int numActions) => default(ActionSpec);
    }
}

namespace Unity.MLAgents.Policies
{
    [Page("ml-agents", "Unity.MLAgents.Policies.BrainParameters")]
    public class BrainParameters
    {
        [Page("ml-agents", "Unity.MLAgents.Policies.BrainParameters")]
        public int VectorObservationSize = 1;

        [Page("ml-agents", "Unity.MLAgents.Policies.BrainParameters")]
        public Actuators.ActionSpec ActionSpec { set { } }
    }

    [Page("ml-agents", "Unity.MLAgents.Policies.BehaviorParameters")]
    public class BehaviorParameters : MonoBehaviour
    {
        [Page("ml-agents", "Unity.MLAgents.Policies.BehaviorParameters")]
        public string BehaviorName { set { } }

        [Page("ml-agents", "Unity.MLAgents.Policies.BehaviorParameters")]
        public BrainParameters BrainParameters => null;
    }
}

namespace Unity.MLAgents.Sensors
{
    [Page("ml-agents", "Unity.MLAgents.Sensors.VectorSensor")]
    public class VectorSensor
    {
        [Page("ml-agents", "Unity.MLAgents.Sensors.VectorSensor")]
        public void AddObservation(float observation) { }
    }
}

namespace Unity.MLAgents.SideChannels
{
    [Page("ml-agents", "Unity.MLAgents.SideChannels.SideChannel")]
    public abstract class SideChannel
    {
        [Page("ml-agents", "Unity.MLAgents.SideChannels.SideChannel")]
        public Guid ChannelId { protected set { } get { return default(Guid); } }

        [Page("ml-agents", "Unity.MLAgents.SideChannels.SideChannel")]
        protected abstract void OnMessageReceived(IncomingMessage msg);

        [Page("ml-agents", "Unity.MLAgents.SideChannels.SideChannel")]
        protected void QueueMessageToSend(OutgoingMessage msg) { }
    }

    [Page("ml-agents", "Unity.MLAgents.SideChannels.IncomingMessage")]
    public class IncomingMessage
    {
        [Page("ml-agents", "Unity.MLAgents.SideChannels.IncomingMessage")]
        public byte[] GetRawBytes() => null;
    }

    [Page("ml-agents", "Unity.MLAgents.SideChannels.OutgoingMessage")]
    public class OutgoingMessage : IDisposable
    {
        [Page("ml-agents", "Unity.MLAgents.SideChannels.OutgoingMessage")]
        public OutgoingMessage() { }

        [Page("ml-agents", "Unity.MLAgents.SideChannels.OutgoingMessage")]
        public void SetRawBytes(byte[] data) { }

        [Page("ml-agents", "Unity.MLAgents.SideChannels.OutgoingMessage")]
        public void Dispose() { }
    }

    [Page("ml-agents", "Unity.MLAgents.SideChannels.SideChannelManager")]
    public static class SideChannelManager
    {
        [Page("ml-agents", "Unity.MLAgents.SideChannels.SideChannelManager")]
        public static void RegisterSideChannel(SideChannel sideChannel) { }

        [Page("ml-agents", "Unity.MLAgents.SideChannels.SideChannelManager")]
        public static void UnregisterSideChannel(SideChannel sideChannel) { }
    }
}
